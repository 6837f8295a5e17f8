/**
 * Finds full card numbers in text, however they are grouped, so that they are refused at the door and kept out of logs.
 *
 * A number is one when its first digits and its length are those of a card network and its check digit is right (ISO/IEC
 * 7812-1, annex B). Hexadecimal of 24 digits or more and UUIDs are passed over: among random ones, one in some hundreds has such a
 * run of digits in it.
 */
const NETWORKS: readonly (readonly [firstDigits: RegExp, shortest: number, longest: number])[] = [
  [/^4/, 13, 19],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, 16, 16],
  [/^3[47]/, 15, 15],
  [/^(?:30[0-5]|3095|3[689])/, 14, 19],
  [/^35(?:2[89]|[3-8])/, 16, 19],
  // Discover, UnionPay, Maestro, RuPay and their kin.
  [/^(?:5[0678]|6)/, 13, 19],
  [/^220[0-4]/, 16, 19],
];
const SHORTEST = 13;
const LONGEST = 19;

const NO_CARDS =
  /0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b|\b(?=[0-9]*[a-fA-F])[0-9a-fA-F]{24,}\b/g;
/** Groups of digits, with what people put between them. */
const GROUPS = /\d+(?:[ \u00a0\u2009\u202f._-]{1,2}\d+)*/g;
const MANY_DIGITS = /(?:\d[^\d]{0,2}){13}/;

/** True where the text holds a full card number. */
export function holdsCardNumber(text: string): boolean {
  if (text.length < SHORTEST) return false;
  // Digits of other widths are read as what they are.
  const plain = text.normalize('NFKC');
  if (!MANY_DIGITS.test(plain)) return false;
  for (const [run] of plain.replaceAll(NO_CARDS, 'x').matchAll(GROUPS)) if (holdsCard(run.split(/\D+/))) return true;
  return false;
}

/** The same text with every run of digits masked in which a card number stands. */
export function withoutCardNumbers(text: string): string {
  if (!holdsCardNumber(text)) return text;
  return text.normalize('NFKC').replaceAll(GROUPS, (run) => (holdsCard(run.split(/\D+/)) ? '[card number]' : run));
}

/** Neighbouring groups are read together: a number may be followed by its expiry, or stand behind something else. */
function holdsCard(groups: readonly string[]): boolean {
  for (let first = 0; first < groups.length; first += 1) {
    let digits = '';
    for (let last = first; last < groups.length && digits.length < LONGEST; last += 1) {
      digits += groups[last];
      if (isCardNumber(digits)) return true;
    }
  }
  return false;
}

function isCardNumber(digits: string): boolean {
  const { length } = digits;
  if (length < SHORTEST || length > LONGEST) return false;
  const isIssued = NETWORKS.some(
    ([firstDigits, shortest, longest]) => length >= shortest && length <= longest && firstDigits.test(digits),
  );
  return isIssued && hasCheckDigit(digits);
}

function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    sum += place % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}
