/** What the engine's TLS library finds wrong with a server's certificate, by its messages, and what to do about it. */

export interface CertificateFault {
  readonly what: string;
  readonly fix: string;
}

/** `name`: that the certificate must be for. */
export function certificateFault(reason: string, name: string): CertificateFault | undefined {
  const [, what, fix] = faults.find(([pattern]) => pattern.test(reason)) ?? [];
  if (what === undefined || fix === undefined) return undefined;
  return { what, fix: typeof fix === "string" ? fix : fix(name) };
}

const faults: readonly (readonly [pattern: RegExp, what: string, fix: string | ((name: string) => string)])[] = [
  [
    // The last: a trusted authority of the same name has a key of another kind.
    /UnknownIssuer|Signature$|SignatureAlgorithmForPublicKey/,
    "its authority is unknown",
    "Trust the authority with the option ca, or this certificate with serverCertificateHashes",
  ],
  [/expired/i, "it has expired", "Renew it on the server, and check this machine's clock"],
  [/not ?valid ?yet/i, "it is not yet valid", "Check this machine's clock and the server's"],
  [/revoked/i, "it was revoked", "Renew it on the server"],
  [
    /not valid for any names/i,
    "it is for no name at all, because it has no subjectAltName",
    // A common name is no server's name (RFC 9525 §2).
    (name) =>
      "A self-signed one is made anew, with the same key, by: openssl req -x509 -key key.pem -out cert.pem -days 365 " +
      `-subj "/CN=${name}" -addext "subjectAltName=${process.getBuiltinModule("node:net").isIP(name) === 0 ? "DNS" : "IP"}:${name}"`,
  ],
  [
    /not valid for name|NotValidForName/i,
    "it is not for this name",
    "Connect by a name that it is for, or name one with the option serverName",
  ],
  [
    /authority's own certificate, and not among/,
    "it is its own authority, as openssl req -x509 makes it, and not among those that are trusted",
    "Give this very certificate as the option ca",
  ],
  [
    /authority's certificate that another one has issued|CaUsedAsEndEntity/,
    "it is an authority's certificate (CA:TRUE) that another authority has issued",
    "Have one issued that is none: openssl req -x509 -CA ca.pem -CAkey ca-key.pem … " +
      '-addext "basicConstraints=critical,CA:FALSE"',
  ],
  [
    /key usage does not allow/,
    "its key usage does not allow digital signatures, with which TLS 1.3 proves the key",
    'Make it with digitalSignature in its keyUsage, or without one: -addext "keyUsage=digitalSignature"',
  ],
  [
    /extended key usage|InvalidPurpose|not for a server/,
    "its extended key usage does not allow servers",
    'Make it with serverAuth in its extendedKeyUsage, or without one: -addext "extendedKeyUsage=serverAuth"',
  ],
  [
    /hash is not among/,
    "its hash is not among serverCertificateHashes",
    "Take the hash of the certificate that the server uses now: it changes with every new certificate",
  ],
  [
    /more than 14 days/,
    "it is valid for more than 14 days, which serverCertificateHashes do not allow",
    "Use one that is valid for at most 14 days, or trust its authority with the option ca",
  ],
  [
    /not ECDSA P-256/,
    "its key is not ECDSA P-256, which serverCertificateHashes ask for",
    "Use one with an ECDSA P-256 key, or trust its authority with the option ca",
  ],
];

/** What a server finds wrong with the client's certificate, by its TLS alert (RFC 8446 §6.2). */
export function clientCertificateFault(alert: number): CertificateFault {
  const [what, fix] = clientFaults[alert] ?? [
    `TLS alert ${alert}`,
    "Use a certificate that one of the server's authorities has issued",
  ];
  return { what, fix };
}

/** Of a client that has given none. */
export const certificateRequired = "a client certificate is required";

const clientFaults: Readonly<Record<number, readonly [what: string, fix: string]>> = {
  42: ["it is malformed, or signed in a way that the server does not take", "Have another one issued"],
  43: [
    "it is not for clients",
    'Make it with clientAuth in its extendedKeyUsage, or without one: -addext "extendedKeyUsage=clientAuth"',
  ],
  44: ["it was revoked", "Have another one issued"],
  45: ["it has expired or is not yet valid", "Renew it, and check this machine's clock and the server's"],
  46: [
    "the server does not accept one of this kind",
    "Use one that is no authority's (CA:FALSE), with digitalSignature in its keyUsage if it has one",
  ],
  48: [
    "its authority is unknown to the server",
    "Use one that an authority in the server's caCerts has issued, and give those in between behind it in cert",
  ],
  49: ["the server does not let its holder in", "Use another one"],
  51: ["its key does not prove it", "Use the key that belongs to the certificate"],
  116: [certificateRequired, "Give one with cert and key"],
};
