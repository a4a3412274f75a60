// Money, countries and dates in the words of the reader.

// The texts are English, so are the numbers between them: in the reader's English if there is one.
const language = navigator.languages?.find((name) => /^en\b/.test(name)) ?? "en";

// money formats an amount in major units (19.9), as Medusa gives it.
export function money(amount, currency) {
  return new Intl.NumberFormat(language, { style: "currency", currency: currency.toUpperCase() }).format(amount ?? 0);
}

// country names a two-letter code. The server's names shout ("GERMANY") in places; the browser's don't.
export function country(code, fallback) {
  try {
    return new Intl.DisplayNames(language, { type: "region" }).of(code.toUpperCase());
  } catch {
    return fallback ?? code.toUpperCase();
  }
}

// list joins names: "Austria, Germany and Italy".
export function list(names) {
  return new Intl.ListFormat(language, { type: "conjunction" }).format(names);
}

export function day(time) {
  return new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(time));
}

export function pieces(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}
