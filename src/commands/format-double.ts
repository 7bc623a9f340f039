/**
 * A double as C's "%.17g" prints it, which is how Redis 7.0 answers scores: 0.1 is 0.10000000000000001, 3 is 3.
 * Infinities are inf and -inf; there are no NaNs in replies.
 */
export function formatDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (Number.isNaN(value)) return "nan";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return Object.is(value, -0) ? "-0" : String(value);
  const [mantissa = "", exponentText = "0"] = value.toExponential(16).split("e");
  const exponent = Number(exponentText);
  const negative = mantissa.startsWith("-");
  let digits = mantissa.replace("-", "").replace(".", "");
  let last = digits.length;
  while (last > 1 && digits[last - 1] === "0") last--;
  digits = digits.slice(0, last);
  const sign = negative ? "-" : "";
  if (exponent < -4 || exponent >= 17) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}
