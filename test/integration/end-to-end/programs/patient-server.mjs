// A server that gives its sessions all the time they want when it is interrupted.
import { ServerApp, echoHandler, generateSelfSignedCertificate } from "../../../../dist/index.js";

class PatientApp extends ServerApp {
  close(options) {
    return super.close({ timeout: 3_600_000, ...options });
  }
}

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const app = new PatientApp({ config: { cert, key, accessLog: false } });
app.route("/echo", async (session) => {
  await echoHandler(session);
  console.log(`session ended with code ${(await session.closed).code}`);
});
const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
console.log(`https://localhost:${port}/echo`);
console.log(Buffer.from(certificateHash.value).toString("hex"));
await app.run();
