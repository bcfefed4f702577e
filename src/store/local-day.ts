// Calendar days of this machine's time zone.

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
  const year = date.getFullYear();
  const month = date.getMonth();
  const day = date.getDate();
  return {
    name: `${String(year).padStart(4, "0")}-${String(month + 1).padStart(2, "0")}-${String(day).padStart(2, "0")}`,
    start: new Date(year, month, day).getTime(),
    end: new Date(year, month, day + 1).getTime(),
  };
}
