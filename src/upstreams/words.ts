// Limits how much of a provider's text is searched for known sentences.

const maxWords = 4096;

/**
 * The beginning of a text, which is all that rules about wording look at: an error that says something says it early, and no
 * text may be so long that reading it holds other clients up.
 */
export function firstWords(text: string): string {
  return text.length <= maxWords ? text : text.slice(0, maxWords);
}
