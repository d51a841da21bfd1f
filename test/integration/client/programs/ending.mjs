// Opens and closes a session, fails twice, and has nothing left to do.
import { connect } from "../../../../dist/client/index.js";

const [port, value] = process.argv.slice(2);
const options = { serverCertificateHashes: [{ algorithm: "sha-256", value }], maxRetries: 0 };
const session = await connect(`https://127.0.0.1:${port}/echo`, options);
await session.close();
console.log("session closed");
await connect(`https://127.0.0.1:${port}/nowhere`, options).catch(({ code }) => console.log(code));
await connect("https://127.0.0.1:1/", { ...options, handshakeTimeout: 50 }).catch(({ code }) => console.log(code));
