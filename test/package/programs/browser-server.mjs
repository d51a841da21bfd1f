// An echo server for a browser: prints where it listens, closes when its standard input ends.
import { createEchoServerApp, generateSelfSignedCertificate } from "tswebtransport";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const app = createEchoServerApp({ config: { cert, key, accessLog: false } });
const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ url: `https://127.0.0.1:${port}/`, hash: [...certificateHash.value] }));
process.stdin.resume();
process.stdin.once("end", () => void app.close({ timeout: 0 }));
