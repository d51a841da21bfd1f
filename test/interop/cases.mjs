// What every stack is asked to do, against the paths of the peer application (or a peer's server of the same paths).

/** In the order of the table. `sides`: who may be the client. */
export const cases = {
  "bidi-echo": "bidirectional stream echoed, FIN answers FIN",
  "uni-echo": "unidirectional stream answered on a new one",
  "datagram-echo": "datagram echoed",
  "many-streams": "50 bidirectional streams at once",
  upload: "4 MB on one stream to the server",
  download: "4 MB on one stream from the server, every byte checked",
  push: "streams and datagrams that the server opens and sends",
  "server-close": "server closes: code and reason seen by the client",
  "server-fin": "server ends without a capsule: code 0 at the client",
  "client-close": "client closes: code and reason seen by the server",
  "server-reset": "server resets and stops a stream: code seen by the client",
  "client-reset": "client resets a stream: code seen by the server",
  "client-stop": "client stops a stream: code seen by the server",
  reject: "status of a refusal seen by the client",
  "not-found": "unknown path refused",
  "several-sessions": "several sessions on one connection",
  headers: "request headers seen by the server",
  subprotocol: "subprotocol agreed on, in the client's order",
  drain: "server asks to drain, the session lives on",
  goaway: "GOAWAY, the session lives on",
  "long-session": "a session that is idle for 11 s lives on",
  "uni-bursts": "page: 500 unidirectional streams, 50 at a time",
  "uni-at-once": "page: 70 unidirectional streams at once",
  "reset-and-stop": "page: reset and stop in one turn, the writer tells the code",
};

/** What only clients with the W3C's interface are asked for: faults of browsers that a server can avoid. */
export const pageCases = new Set(["uni-bursts", "uni-at-once", "reset-and-stop"]);

/** What the cases send and expect; every client program is given these. */
export const values = {
  largeBytes: 4_000_000,
  closeCode: 4321,
  closeReason: "client says bye",
  serverCloseCode: 1234,
  serverCloseReason: "server says bye",
  resetCode: 55,
  stopCode: 66,
  serverResetCode: 77,
  rejectStatus: 418,
};
