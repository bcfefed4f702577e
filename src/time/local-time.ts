// Times and calendar days in this machine's time zone, as a clock on the wall shows them.

/** As short as it stays clear today: `16:14`, `Tue 16:14` within the next six days, else `2026-12-24 16:14`. */
export function clockTime(at: number, now: number): string {
  if (dayName(at) === dayName(now)) return timeOf(at);
  if (at < now || at - now >= sixDaysMs) return dateTime(at);
  return `${new Date(at).toLocaleDateString("en-US", { weekday: "short" })} ${timeOf(at)}`;
}

/** `2026-11-22 16:14`; `2026-11-22` for the first minute of a day. */
export function dateTime(at: number): string {
  const time = timeOf(at);
  return time === "00:00" ? dayName(at) : `${dayName(at)} ${time}`;
}

/** `16:14:03` today, `11-22 16:14:03` on another day. */
export function clockSeconds(at: number, now: number): string {
  const time = `${timeOf(at)}:${twoDigits(new Date(at).getSeconds())}`;
  return dayName(at) === dayName(now) ? time : `${dayName(at).slice("2026-".length)} ${time}`;
}

/** `2026-11-22` */
export function dayName(at: number): string {
  const date = new Date(at);
  const year = String(date.getFullYear()).padStart(4, "0");
  return `${year}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

const sixDaysMs = 6 * 86_400_000;

function timeOf(at: number): string {
  const date = new Date(at);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

export interface LocalDay {
  /** YYYY-MM-DD. */
  name: string;
  /** Epoch ms of its first instant. */
  start: number;
  /** The first instant of the next day: 23 to 25 hours later. */
  end: number;
}

export function localDay(time: number): LocalDay {
  const date = new Date(time);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return {
    name: dayName(time),
    start: new Date(year, month, day).getTime(),
    end: new Date(year, month, day + 1).getTime(),
  };
}
