// One worker of a socket group, as a process: it adopts the socket that it has inherited as descriptor 3, accepts
// connections and sends back every datagram.
import { nativeEngine } from "../../../../dist/engine/native/native-engine.js";

const { server, steering } = JSON.parse(process.argv[2], (_, value) =>
  typeof value?.base64 === "string" ? Buffer.from(value.base64, "base64") : value,
);
// Ends with its parent, also when that was killed.
process.stdin.on("end", () => process.exit()).resume();
const ignore = () => {};
const endpoint = await nativeEngine().createEndpoint(
  { host: "127.0.0.1", port: 0, descriptor: 3, server, steering },
  {
    connection: (connection) => ({
      ...Object.fromEntries(
        ["connected", "streamOpened", "data", "reset", "stopped", "accepted", "finished", "streamsAvailable"].map(
          (name) => [name, ignore],
        ),
      ),
      datagram: (bytes) => connection.sendDatagram(new Uint8Array(0), bytes),
      datagramsWritable: ignore,
      receiveWindowLow: ignore,
      addressChanged: ignore,
      closed: ignore,
      turnEnded: ignore,
    }),
    failed: ignore,
  },
);
process.stdout.write(`listening on ${endpoint.localAddress.port}\n`);
