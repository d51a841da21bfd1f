// A server and its client where nothing of OpenTelemetry can be loaded: the import of any of it ends the program.
// With the argument "instrumented" it imports the layer, which shows that the import would be seen.
import { register } from "node:module";

const hooks = `
  export async function resolve(specifier, context, next) {
    const resolved = await next(specifier, context);
    if (/@opentelemetry\\/|\\/dist\\/opentelemetry\\//.test(resolved.url)) throw new Error("loaded " + resolved.url);
    return resolved;
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { connect, echoHandler, generateSelfSignedCertificate, ServerApp } = await import("../../../../dist/index.js");
await import("../../../../dist/w3c/index.js");
await import("../../../../dist/testing/index.js");
if (process.argv[2] === "instrumented") await import("../../../../dist/opentelemetry/index.js");

const { cert, key, certificateHash } = await generateSelfSignedCertificate();
const app = new ServerApp({ config: { cert, key, logLevel: "silent" } });
app.middleware(() => true);
app.route("/echo", echoHandler);
const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
const session = await connect(`https://127.0.0.1:${port}/echo`, { serverCertificateHashes: [certificateHash] });
const stream = await session.createBidirectionalStream();
await stream.writeAll("served");
console.log(new TextDecoder().decode(await stream.readAll()));
await session.close();
await app.close();
