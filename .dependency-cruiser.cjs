/**
 * Who may import whom: the table of ARCHITECTURE.md, as data. A layer may always import itself.
 * A layer that is not in the table, or an import that is not in its row, is an error.
 */
const foundation = ["base", "constants", "errors"];
const belowTransport = [...foundation, "async", "contract", "protocol", "config", "events", "certificates"];

const layers = {
  base: [],
  constants: ["base"],
  errors: ["base", "constants"],
  contract: ["base"],
  "engine/native": ["contract", "base"],
  "engine/memory": ["contract", "base", "constants"],
  protocol: foundation,
  config: foundation,
  events: [...foundation, "async"],
  certificates: [...foundation, "config", "contract", "engine/native"],
  async: ["base"],
  transport: [...foundation, "async", "contract", "protocol", "config", "events"],
  // Their default engine is loaded lazily: see the rule below.
  server: [...belowTransport, "transport", "engine/native"],
  client: [...belowTransport, "transport", "engine/native"],
  monitor: [...belowTransport, "transport", "server", "cluster"],
  w3c: [...foundation, "client"],
  // Nothing imports it: an application that wants it loads it.
  opentelemetry: [...belowTransport, "transport", "server", "client"],
  cluster: [...belowTransport, "transport", "engine/native", "server"],
  testing: [...belowTransport, "transport", "server", "client", "w3c", "engine/native", "engine/memory"],
  cli: [...belowTransport, "transport", "server", "cluster", "monitor", "client", "testing", "engine/native"],
};

/** They name what a package's entry point exports, of whatever layer. */
const entryFiles = "^src/(index|server/index)[.]ts$";

const pathOf = (layer) =>
  layer === "contract"
    ? "^src/engine/(engine|engine-options|handshake-failures|packet-counts)[.]ts$"
    : `^src/${layer}/`;
const sideOf = (names) => names.map(pathOf).join("|");

const layerRules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer-${layer.replace("/", "-")}`,
  comment: `${layer} may import ${allowed.join(", ") || "nothing of this project"}.`,
  severity: "error",
  from: { path: pathOf(layer), pathNot: entryFiles },
  to: { path: "^src/", pathNot: sideOf([layer, ...allowed]) },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: "every-file-has-a-layer",
      comment: "A file outside the layers of the table could import anything.",
      severity: "error",
      from: { path: "^src/", pathNot: `${sideOf(Object.keys(layers))}|^src/[^/]+[.]ts$` },
      to: {},
    },
    {
      name: "no-cycles",
      comment: "Two files that import each other are one file, or miss a third.",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "nobody-imports-an-entry",
      comment: "They are for the package's users: they would pull every layer in.",
      severity: "error",
      from: { path: "^src/", pathNot: entryFiles },
      to: { path: entryFiles },
    },
    {
      name: "sans-io",
      comment: "The protocol core and what it stands on run anywhere: no modules of Node's.",
      severity: "error",
      from: { path: sideOf([...foundation, "protocol"]) },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "engine-is-loaded-lazily",
      comment: "An application with an engine of its own must not load the addon: import() only.",
      severity: "error",
      from: { path: sideOf(["server", "client"]) },
      to: { path: "^src/engine/native/", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-package-that-is-not-declared",
      comment: "What src/ needs at run time stands in package.json's dependencies; a peer is there for the tests, too.",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"],
        pathNot: "^@tswebtransport/|/@opentelemetry/api/",
      },
    },
    {
      name: "opentelemetry-in-its-layer",
      comment: "An optional peer dependency: nothing else may need it.",
      severity: "error",
      from: { path: "^src/", pathNot: pathOf("opentelemetry") },
      to: { path: "@opentelemetry/" },
    },
    {
      name: "no-unresolvable",
      comment: "The prebuilt addons are optional packages, so they may be absent.",
      severity: "error",
      from: { path: "^src/" },
      to: { couldNotResolve: true, pathNot: "^@tswebtransport/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
