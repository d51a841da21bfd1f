// What docs/error-codes.md says of each code, beside what stands in the source: cause and remedy. A code without an entry, or
// an entry without a code, fails the tests.

/** `code` of an error: [cause, remedy]. */
export const errorTexts = {
  ERR_WT_ADDRESS_IN_USE: [
    "Another program has the UDP port.",
    "End that program (on Linux `ss -ulpn` names it), or choose another port; 0 picks a free one.",
  ],
  ERR_WT_ADDRESS_UNAVAILABLE: [
    "The host to listen on is no address of this machine, or a name that is not found.",
    'Listen on `"localhost"`, on `"::"` (every address) or on an address that the machine has.',
  ],
  ERR_WT_AUTHENTICATION: [
    "Credentials are missing or wrong. An auth handler throws it; the client gets 401.",
    "Look into the server's log for the reason, and renew the token.",
  ],
  ERR_WT_CERTIFICATE_INVALID: [
    "A certificate or key cannot be read, is encrypted, or is of a kind that TLS cannot use; or none was given.",
    "The message says which. `openssl pkey -in key.pem -out plain.pem` decrypts a key.",
  ],
  ERR_WT_CERTIFICATE_MISMATCH: [
    "The key does not belong to the certificate.",
    "Give the pair that was issued together. While files are renewed one after the other, the old pair is served on.",
  ],
  ERR_WT_CERTIFICATE_NOT_FOUND: [
    "`certfile`, `keyfile` or another file of certificates cannot be read.",
    "Check path and permissions: the process's user must be able to read it. `certificatePath` has the path.",
  ],
  ERR_WT_CERTIFICATE_REFUSED: [
    "One side did not accept the other's certificate: wrong name, unknown authority, expired, wrong hash, or none where one is required.",
    "`certificateError` says why. Trust the authority by `ca`, name the hash by `serverCertificateHashes`, or connect by a name that the certificate has.",
  ],
  ERR_WT_CLIENT: [
    "The client was asked for something that it cannot do, such as headers that are larger than the server accepts.",
    "The message names it. Change the call.",
  ],
  ERR_WT_CONFIGURATION: [
    "An option, a route, a URL or another argument has a value that it must not have.",
    "`configKey` and `configValue` name it; the message says what is allowed.",
  ],
  ERR_WT_CONNECTION_CLOSED: [
    "One side has closed the connection with a code.",
    "Connect again, unless the code says that it makes no sense. A restarted server closes so, too.",
  ],
  ERR_WT_CONNECTION_FAILED: [
    "No connection came about: nothing answered, the server refused, or the network cannot reach it.",
    "Check that the server listens on this UDP port and that no firewall blocks UDP. `handshakeStage` says how far it came.",
  ],
  ERR_WT_CONNECTION_LOST: [
    "An established connection has ended without a close: nothing came within the idle time-out, the peer has forgotten it, or QUIC failed.",
    "Connect again: see [reconnecting](recipes/reconnecting.md). If idle connections get lost, lower `keepaliveInterval`.",
  ],
  ERR_WT_DATAGRAM_TOO_LARGE: [
    "The datagram is larger than the path or the peer allows.",
    "Split it, or send it on a stream. `datagramSize` and `maxSize` have both sizes; 1000 bytes fit nearly everywhere.",
  ],
  ERR_WT_DATAGRAM_UNSUPPORTED: [
    "The peer takes no datagrams.",
    "Look at `datagrams.maxDatagramSize`, which is 0 then, and use streams.",
  ],
  ERR_WT_FLOW_CONTROL: [
    "A limit of flow control was exceeded. The library itself throws this class nowhere in this version; applications may.",
    "Send no more than the peer's limit allows.",
  ],
  ERR_WT_HANDSHAKE: [
    "QUIC, TLS or HTTP/3 could not agree: no common version or no `h3`.",
    "Check that the port is one of a WebTransport server. `handshakeStage` says where it ended.",
  ],
  ERR_WT_HTTP_STATUS: [
    "The server answered the session request with this status instead of 200. Thrown by middleware: the status to answer with.",
    "401: credentials. 403: origin or middleware. 404: path. 421: host. 429: limits. 503: closing or overloaded. The server's log has the cause.",
  ],
  ERR_WT_INTERNAL: [
    "A fault of this library, or an error of its base class that was made without a code.",
    "Report it with its stack and `debugState()`.",
  ],
  ERR_WT_LOOKUP_FAILED: [
    "The name has no address, or no name server answers.",
    "Check the name's spelling, its DNS records and this machine's network.",
  ],
  ERR_WT_PERMISSION_DENIED: [
    "The process may not bind this port. Ports below 1024 need a privilege.",
    "Choose a higher port, or give the process `CAP_NET_BIND_SERVICE`.",
  ],
  ERR_WT_PROTOCOL: [
    "The peer broke the protocol, and the connection or session ended with `errorCode`.",
    "Look the code up below, and the frame in `frameType`. `qlogDirectory` shows the connection's packets.",
  ],
  ERR_WT_SERVER: [
    "The server was used in a way that it does not allow, such as listening twice or after `close`.",
    "The message names it. Make a new server instead of starting a closed one.",
  ],
  ERR_WT_SESSION_ABORTED: [
    "The session has ended without a clean close: its connection was lost, or a side aborted it.",
    "The cause tells which. Connect again where it may pass.",
  ],
  ERR_WT_SESSION_ANSWERED: [
    "A session request was accepted or refused twice.",
    "Answer each request of `incomingSessions()` once.",
  ],
  ERR_WT_SESSION_CANCELLED: [
    "The client has gone before its request was answered.",
    "Nothing: stop the work that was begun for it. `request.signal` aborts at this moment.",
  ],
  ERR_WT_SESSION_CLOSED: [
    "The session was closed with a code while a call was waiting, or a call came after its end.",
    "`closeCode` and `reason` say why it was closed. Look at `session.isClosed` before you begin something new.",
  ],
  ERR_WT_SESSION_REFUSED: [
    "The server refused the session request with a reset and no status, or chose a subprotocol that was not offered.",
    "Try again later, on a new connection: the server may be going away or have too many sessions.",
  ],
  ERR_WT_STREAM_CLOSED: [
    "The half of the stream that the call needs has ended here.",
    "Do not write after `finish` or `reset`, nor read after `stop`.",
  ],
  ERR_WT_STREAM_ENDED_EARLY: [
    "The peer ended the stream before `readExactly` or `readUntil` had what they wait for.",
    "Take it for a message that is not complete. `read` and `readLine` tell a normal end by `null`.",
  ],
  ERR_WT_STREAM_LIMIT: [
    "More bytes have come than `maxBytes` allows.",
    "Raise `maxBytes`, or stop the stream: a peer that is not trusted should not decide how much memory it gets.",
  ],
  ERR_WT_STREAM_LOCKED: [
    "`readable` or `writable` of this half was taken: a Web Stream has it.",
    "Use either the direct methods or the Web Stream, not both.",
  ],
  ERR_WT_STREAM_RESET: [
    "The peer has given up sending (RESET_STREAM).",
    "`streamErrorCode` is the peer's code. What had not arrived is lost.",
  ],
  ERR_WT_STREAM_STOPPED: [
    "The peer does not want to read the rest (STOP_SENDING).",
    "Stop writing. `streamErrorCode` is the peer's code.",
  ],
  ERR_WT_TIMEOUT: [
    "Something took longer than it may: `operation` says what, `timeoutDuration` how many milliseconds.",
    "Try again, or raise the option: `connectTimeout`, `handshakeTimeout`, `readTimeout`, `writeTimeout`, `streamCreationTimeout`.",
  ],
  ERR_WT_UNSUPPORTED: [
    "The peer speaks HTTP/3, but no WebTransport, or no draft that we announce.",
    "Check the port and `drafts` of both sides.",
  ],
};

/** `code` of a warning of the process: [cause, remedy]. */
export const warningTexts = {
  WT_CLIENT: [
    "The socket of a client whose session has ended could not be closed.",
    "Nothing has to be done for the session. The message has the reason; please report it.",
  ],
  WT_INSECURE: [
    "A client does not look at the server's certificate: `insecure`, in a program that is no test.",
    "Trust the server's authority by `ca`, or name its certificate by `serverCertificateHashes`.",
  ],
  WT_LISTENER: [
    "A listener of an event, or of a channel of the cluster's bus, threw. The others were called all the same.",
    "Mend the listener; the message has what it threw.",
  ],
  WT_LOGGER: ["The `logger` of the configuration threw; its lines may be lost.", "Mend the logger."],
  WT_UNKNOWN_OPTION: [
    "`new WebTransport(url, options)` was given an option that it does not have, and ignores it, as browsers do.",
    "Correct the name; the message tells the nearest one.",
  ],
};

/** Codes of the table `ErrorCodes`: [specification, meaning]. */
export const wireTexts = {
  NO_ERROR: ["RFC 9000 §20.1", "The connection ends without an error."],
  INTERNAL_ERROR: ["RFC 9000 §20.1", "A fault of the endpoint that closes."],
  CONNECTION_REFUSED: ["RFC 9000 §20.1", "The server takes no connection now: a limit is reached, or it is closing."],
  FLOW_CONTROL_ERROR: ["RFC 9000 §20.1", "More data than was allowed."],
  STREAM_LIMIT_ERROR: ["RFC 9000 §20.1", "More streams than were allowed."],
  STREAM_STATE_ERROR: ["RFC 9000 §20.1", "A frame for a stream in a state that forbids it."],
  FINAL_SIZE_ERROR: ["RFC 9000 §20.1", "A stream's size has changed after its end was known."],
  FRAME_ENCODING_ERROR: ["RFC 9000 §20.1", "A frame that cannot be read."],
  TRANSPORT_PARAMETER_ERROR: ["RFC 9000 §20.1", "Transport parameters that are malformed or contradict each other."],
  CONNECTION_ID_LIMIT_ERROR: ["RFC 9000 §20.1", "More connection IDs than were allowed."],
  PROTOCOL_VIOLATION: ["RFC 9000 §20.1", "Any other breach of QUIC."],
  INVALID_TOKEN: ["RFC 9000 §20.1", "The token of a Retry is not valid."],
  APPLICATION_ERROR: ["RFC 9000 §20.1", "The application closed during the handshake."],
  CRYPTO_BUFFER_EXCEEDED: ["RFC 9000 §20.1", "More handshake data than can be held."],
  KEY_UPDATE_ERROR: ["RFC 9000 §20.1", "A fault in an update of the keys."],
  AEAD_LIMIT_REACHED: ["RFC 9000 §20.1", "The keys have protected as many packets as they may."],
  NO_VIABLE_PATH: ["RFC 9000 §20.1", "No path is left that QUIC can use."],
  H3_DATAGRAM_ERROR: ["RFC 9297 §5.2", "A malformed HTTP datagram or capsule."],
  H3_NO_ERROR: ["RFC 9114 §8.1", "The connection or stream ends without an error."],
  H3_GENERAL_PROTOCOL_ERROR: ["RFC 9114 §8.1", "A breach of HTTP/3 that has no code of its own."],
  H3_INTERNAL_ERROR: ["RFC 9114 §8.1", "A fault of the endpoint that closes."],
  H3_STREAM_CREATION_ERROR: ["RFC 9114 §8.1", "A stream that must not be opened."],
  H3_CLOSED_CRITICAL_STREAM: ["RFC 9114 §8.1", "A control or QPACK stream was ended."],
  H3_FRAME_UNEXPECTED: ["RFC 9114 §8.1", "A frame where it must not be."],
  H3_FRAME_ERROR: ["RFC 9114 §8.1", "A frame with a wrong layout or size."],
  H3_EXCESSIVE_LOAD: ["RFC 9114 §8.1", "The peer causes too much work."],
  H3_ID_ERROR: ["RFC 9114 §8.1", "An ID that is used wrongly, as one that has grown in a later GOAWAY."],
  H3_SETTINGS_ERROR: ["RFC 9114 §8.1", "A setting with a value that it must not have."],
  H3_MISSING_SETTINGS: ["RFC 9114 §8.1", "The control stream does not begin with SETTINGS."],
  H3_REQUEST_REJECTED: ["RFC 9114 §8.1", "The request was not looked at; it may be sent again."],
  H3_REQUEST_CANCELLED: ["RFC 9114 §8.1", "The request or its answer is not wanted any more."],
  H3_REQUEST_INCOMPLETE: ["RFC 9114 §8.1", "The request ended before it was complete."],
  H3_MESSAGE_ERROR: ["RFC 9114 §8.1", "A malformed request or answer."],
  H3_CONNECT_ERROR: ["RFC 9114 §8.1", "The connection behind a CONNECT was reset."],
  H3_VERSION_FALLBACK: ["RFC 9114 §8.1", "The request has to be repeated over HTTP/1.1."],
  QPACK_DECOMPRESSION_FAILED: ["RFC 9204 §6", "A field section that cannot be decoded."],
  QPACK_ENCODER_STREAM_ERROR: ["RFC 9204 §6", "A wrong instruction on the encoder's stream."],
  QPACK_DECODER_STREAM_ERROR: ["RFC 9204 §6", "A wrong instruction on the decoder's stream."],
  WT_FLOW_CONTROL_ERROR: ["draft-ietf-webtrans-http3", "A session's own flow control was broken."],
  WT_ALPN_ERROR: [
    "draft-ietf-webtrans-http3",
    "The server chose a subprotocol that was not offered, or none where one is needed.",
  ],
  WT_SESSION_GONE: ["draft-ietf-webtrans-http3", "The stream's session has ended."],
  WT_REQUIREMENTS_NOT_MET: ["draft-ietf-webtrans-http3", "The peer's settings lack something that WebTransport needs."],
  WT_BUFFERED_STREAM_REJECTED: [
    "draft-ietf-webtrans-http3",
    "The stream came before its session, and no more such streams are kept.",
  ],
  APP_CONNECTION_TIMEOUT: ["this library", "`errorCode` of a TimeoutError."],
  APP_AUTHENTICATION_FAILED: ["this library", "`errorCode` of an AuthenticationError."],
  APP_PERMISSION_DENIED: ["this library", "For applications: the client may not do this."],
  APP_RESOURCE_EXHAUSTED: ["this library", "For applications: a limit of theirs is reached."],
  APP_INVALID_REQUEST: ["this library", "For applications: the request makes no sense."],
  APP_SERVICE_UNAVAILABLE: ["this library", "For applications: try again later."],
};
