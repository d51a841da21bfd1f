const element = (id) => document.getElementById(id);
let transport;

/** `npm run dev` tells the address and the certificate's hash; in production there is a certificate that browsers trust. */
async function findServer() {
  try {
    const response = await fetch("/server.json");
    if (response.ok) {
      const { url, certificateHash } = await response.json();
      const value = Uint8Array.from(certificateHash.match(/../g), (byte) => Number.parseInt(byte, 16));
      return { url, options: { serverCertificateHashes: [{ algorithm: "sha-256", value }] } };
    }
  } catch {
    // Nobody answers: the server may be restarting.
  }
  return { url: `https://${location.hostname}:4433/shout`, options: {} };
}

/** Connects again whenever the session ends. */
async function stayConnected() {
  for (;;) {
    try {
      const { url, options } = await findServer();
      transport = new WebTransport(url, options);
      await transport.ready;
      element("state").textContent = `Connected to ${url}`;
      await transport.closed;
      element("state").textContent = "Disconnected";
    } catch (error) {
      element("state").textContent = `Not connected: ${error.message}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function shout(text) {
  const { readable, writable } = await transport.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(`${text}\n`));
  await writer.close();
  return new Response(readable).text();
}

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const item = document.createElement("li");
  item.textContent = await shout(element("text").value).catch((error) => `failed: ${error.message}`);
  element("answers").append(item);
});
// A page that goes says so: otherwise its session lives on until the server's idle time-out.
window.addEventListener("pagehide", () => transport?.close());

await stayConnected();
