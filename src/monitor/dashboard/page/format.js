const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const clockMinutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** What is not known. */
export const nothing = "–";

const known = (format) => (value) => (value === undefined || value === null ? nothing : format(value));

export const count = known((value) => (value < 10 ? tenth : whole).format(value));
export const exactly = known((value) => whole.format(value));
export const bytes = known((value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]));
export const byteRate = known((value) => `${bytes(value)}/s`);
export const rate = known((value) => `${count(value)}/s`);
export const percent = known((value) => `${tenth.format(value * 100)} %`);
export const milliseconds = known((value) => {
  if (value === 0) return "0 ms";
  if (value >= 10_000) return `${tenth.format(value / 1000)} s`;
  return `${value < 1 ? value.toFixed(2) : value < 100 ? tenth.format(value) : whole.format(value)} ms`;
});

/** Of milliseconds: the two largest units. */
export const duration = known((value) => {
  const seconds = Math.floor(value / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
});

export const time = (value) => clock.format(value);
/** Short, for an axis. */
export const axisTime = (value, hasSeconds) => (hasSeconds ? clockSeconds : clockMinutes).format(value);
export const dateTime = (value) => dayAndClock.format(value);

export function address({ host, port }) {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function scaled(value, step, units) {
  let [size, index] = [value, 0];
  while (size >= step && index < units.length - 1) {
    size /= step;
    index += 1;
  }
  return `${size < 10 && index > 0 ? tenth.format(size) : whole.format(size)} ${units[index]}`;
}
