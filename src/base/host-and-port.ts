/** "127.0.0.1:4433", "[::1]:4433": an IPv6 address has brackets (RFC 3986 §3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
