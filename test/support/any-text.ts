// Texts of any characters, for properties. As `fc.string({ unit: "binary" })`, which first makes a table of all characters there are:
// that takes more than a second of the processor in each process.

import fc from "fast-check";

const surrogates = { first: 0xd800, count: 0x800 };

const character = fc
  .integer({ min: 0, max: 0x10ffff - surrogates.count })
  .map((at) => String.fromCodePoint(at < surrogates.first ? at : at + surrogates.count));

/** `minLength` and `maxLength` count characters, not UTF-16 units. Always well-formed. */
export function anyText(lengths: { minLength?: number; maxLength?: number }): fc.Arbitrary<string> {
  return fc.array(character, lengths).map((characters) => characters.join(""));
}
