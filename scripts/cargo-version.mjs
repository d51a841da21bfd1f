/**
 * A Cargo manifest that asks for exactly this version of quinn-proto. Throws where it does not ask for the crate.
 *
 * @param {string} manifest
 * @param {string} version
 */
export function withQuinnProto(manifest, version) {
  const asked = /(\bquinn-proto = \{ version = )"[^"]+"/;
  if (!asked.test(manifest)) throw new Error("the manifest names no version of quinn-proto");
  return manifest.replace(asked, `$1"=${version}"`);
}
