// Shortens a secret so that a person can recognise it: a few characters and stars.

/** A short beginning and stars, of the same number whatever the secret's length: `sk-ant****`. */
export function maskSecret(secret: string): string {
  // At most a quarter of it: the beginning of a short secret would be most of it.
  const shown = Math.min(6, Math.floor(secret.length / 4));
  return `${secret.slice(0, shown).replace(/\P{ASCII}|\p{Cc}/gu, "*")}****`;
}
