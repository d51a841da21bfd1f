// What the rate limiter costs: memory for a million addresses, time for an admission and a refusal, and the longest
// time for which one request or a cleanup keeps the others waiting. Usage: node --expose-gc benchmarks/rate-limiter.mjs
import { RateLimiter } from "../dist/server/middleware/rate-limit.js";

const addresses = 1_000_000;
const MB = 1e6;

const gc = globalThis.gc;
if (gc === undefined) {
  console.error("usage: node --expose-gc benchmarks/rate-limiter.mjs");
  process.exit(2);
}

let now = 0;
let cleanUp = () => {};
const limiter = new RateLimiter({
  now: () => now,
  setTimer: (_milliseconds, callback) => {
    cleanUp = callback;
    return () => {};
  },
});
limiter.start();

const requestOf = (host) => ({ remoteAddress: { host, port: 1, family: 4 } });
const addressOf = (index) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

function used() {
  gc();
  gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { held: heapUsed + arrayBuffers, rss };
}

async function round(name, first, count) {
  let longest = 0;
  const start = performance.now();
  for (let index = 0; index < count; index += 1) {
    const begin = performance.now();
    await limiter(requestOf(addressOf(first + index)));
    longest = Math.max(longest, performance.now() - begin);
  }
  const duration = performance.now() - start;
  const each = ((duration / count) * 1000).toFixed(2);
  console.log(`${name.padEnd(34)} ${each} µs each, ${longest.toFixed(1)} ms the longest`);
}

for (let index = 0; index < 1000; index += 1) await limiter(requestOf("192.0.2.1"));
const before = used();
await round("1,000,000 addresses, first request", 0, addresses - 100);
const after = used();
const { keys, entries, evicted } = limiter.getStats();
console.log(
  `${"held for them".padEnd(34)} ${((after.held - before.held) / MB).toFixed(1)} MB ` +
    `(resident memory grew by ${((after.rss - before.rss) / MB).toFixed(1)} MB); ` +
    `${keys} keys, ${entries} entries, ${evicted} evicted`,
);
await round("100,000 more, the oldest go", addresses, 100_000);
console.log(`${"evicted".padEnd(34)} ${limiter.getStats().evicted}`);

for (let index = 0; index < 100; index += 1) await limiter(requestOf("192.0.2.9"));
let start = performance.now();
for (let index = 0; index < 100_000; index += 1) await limiter(requestOf("192.0.2.9"));
console.log(`${"100,000 refusals".padEnd(34)} ${((performance.now() - start) / 100).toFixed(2)} µs each`);

now = 60_000;
await round("10,000 when all have expired", 0, 10_000);
now = 200_000;
let longest = 0;
let batches = 0;
start = performance.now();
while (limiter.getStats().entries > 0) {
  const begin = performance.now();
  cleanUp();
  longest = Math.max(longest, performance.now() - begin);
  batches += 1;
}
console.log(
  `${"cleanup".padEnd(34)} ${(performance.now() - start).toFixed(0)} ms in ${batches} batches, ` +
    `${longest.toFixed(1)} ms the longest; held ${((used().held - before.held) / MB).toFixed(1)} MB more than at first`,
);
