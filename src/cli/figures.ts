/** Numbers, sizes and times as people read them. */

/** So many of something. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A number with its thousands apart. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** So many bytes, to about three digits. */
export function approximateSize(bytes: number): string {
  let size = bytes;
  let at = 0;
  while (size >= 1000 && at < SIZES.length - 1) {
    size /= 1024;
    at++;
  }
  const digits = at === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${SIZES[at]}`;
}

const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1000, 60_000, 3_600_000, 86_400_000];

/** A time in the two units that matter. */
export function approximateDuration(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.ceil(ms / SECOND_MS)}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m ${Math.floor(ms % MINUTE_MS / SECOND_MS)}s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h ${Math.floor(ms % HOUR_MS / MINUTE_MS)}m`;
  return `${Math.floor(ms / DAY_MS)}d ${Math.floor(ms % DAY_MS / HOUR_MS)}h`;
}

/** A time of ISO 8601 without fractions of a second. */
export function shortTime(time: unknown): unknown {
  return typeof time === "string" ? time.replace(/\.\d+(?=Z$)/, "") : time;
}
