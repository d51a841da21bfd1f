// The ES modules through require(), which Node has since 20.19 and 22.12.
const assert = require("node:assert/strict");

const { generateSelfSignedCertificate, ServerApp } = require("tswebtransport");
const server = require("tswebtransport/server");
const client = require("tswebtransport/client");
const { WebTransport } = require("tswebtransport/w3c");
const { ProtocolConnection } = require("tswebtransport/protocol");
const { createTestPair } = require("tswebtransport/testing");
const { version } = require("tswebtransport/package.json");

assert.equal(server.ServerApp, ServerApp);
assert.equal(typeof WebTransport, "function");
assert.equal(typeof ProtocolConnection, "function");
assert.equal(typeof createTestPair, "function");
assert.match(version, /^\d+\.\d+\.\d+/);

void (async () => {
  const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
  const app = new ServerApp({ config: { cert, key, accessLog: false } });
  app.route("/", (session) => session.close({ code: 1, reason: "by require" }));
  const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
  const session = await client.connect(`https://127.0.0.1:${port}/`, { serverCertificateHashes: [certificateHash] });
  assert.equal((await session.closed).reason, "by require");
  await app.close();
  console.log("require ok");
})();
