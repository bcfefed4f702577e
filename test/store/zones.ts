// The time zone of the process, changed within a test.

export const zones: readonly string[] = [
  "UTC",
  "America/New_York",
  "Europe/Berlin",
  "Asia/Kathmandu",
  "Pacific/Apia",
  "America/Havana",
  "Asia/Beirut",
  "Atlantic/Azores",
  "Australia/Lord_Howe",
];

const original = process.env.TZ;

/** Undefined: the zone that the tests were started in. */
export function useZone(zone: string | undefined): void {
  const name = zone ?? original;
  if (name === undefined) delete process.env.TZ;
  else process.env.TZ = name;
}
