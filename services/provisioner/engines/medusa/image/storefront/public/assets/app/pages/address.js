// The shopper's e-mail and address. What is typed is kept for this tab, so that a reload loses nothing.
import { h } from "../dom.js";
import { field } from "../form.js";
import { country } from "../words.js";

const draftKey = "address";

// Where an address is wrong without a state or province.
const withProvince = new Set(["au", "br", "ca", "cn", "es", "in", "it", "jp", "mx", "us"]);
// Where there are no postal codes.
const withoutPostalCode = new Set(["ae", "ag", "ao", "bj", "bs", "bw", "bz", "cm", "dm", "fj", "gd", "gh", "gm", "hk", "jm", "ke", "mo", "qa", "rw", "sc", "sl", "sr", "tg", "tt", "ug", "vu", "ye", "zw"]);

const fields = [
  { name: "email", label: "E-mail", type: "email", autocomplete: "email", hint: "For questions about this order, nothing else.", missing: "Please give an e-mail address.", check: (text, control) => control.validity.typeMismatch || !/.@.+\../.test(text) ? "This doesn't look like an e-mail address." : "" },
  { name: "first_name", label: "First name", autocomplete: "given-name", half: true },
  { name: "last_name", label: "Last name", autocomplete: "family-name", half: true },
  { name: "address_1", label: "Address", autocomplete: "address-line1", missing: "Please give street and number." },
  { name: "address_2", label: "Flat, floor, company", autocomplete: "address-line2", optional: true },
  { name: "postal_code", label: "Postal code", autocomplete: "postal-code", half: true, max: 20 },
  { name: "city", label: "City", autocomplete: "address-level2", half: true },
  { name: "province", label: "State or province", autocomplete: "address-level1", optional: true },
  { name: "country_code", label: "Country", autocomplete: "country", missing: "Please choose a country." },
  { name: "phone", label: "Phone", type: "tel", autocomplete: "tel", optional: true, max: 40 },
];

// addressForm makes the fields. moved is called with the country's code when another one is chosen.
export function addressForm(config, cart, moved) {
  const before = { country_code: config.country?.toLowerCase(), email: cart.email ?? "", ...filled(cart.shipping_address), ...draft() };
  const countries = config.region.countries.map(({ code, name }) => [code, country(code, name)]).sort((a, b) => a[1].localeCompare(b[1]));
  if (!countries.some(([code]) => code === before.country_code)) before.country_code = countries[0]?.[0];
  const made = new Map(fields.map((kind) => {
    const options = kind.name === "country_code" ? countries : null;
    return [kind.name, field({ ...kind, options }, before[kind.name])];
  }));
  const value = (name) => made.get(name).value();
  const hidden = (name) => made.get(name).node.hidden;

  function fit() {
    made.get("province").node.hidden = !withProvince.has(value("country_code"));
    made.get("postal_code").node.hidden = withoutPostalCode.has(value("country_code"));
  }

  const node = h("fieldset", { class: "stage" }, h("legend", null, "Where shall it go?"),
    h("div", { class: "fields" }, [...made.values()].map((one) => one.node)));
  node.addEventListener("input", () => sessionStorage.setItem(draftKey, JSON.stringify(Object.fromEntries(fields.map(({ name }) => [name, value(name)])))));
  made.get("country_code").control.addEventListener("change", () => { fit(); moved(value("country_code")); });
  fit();

  return {
    node,
    country: () => value("country_code"),
    email: () => value("email"),
    address: () => Object.fromEntries(fields.filter(({ name }) => name !== "email" && !hidden(name)).map(({ name }) => [name, value(name)])),
    forget: () => sessionStorage.removeItem(draftKey),
    // judge counts the fields that are wrong and goes to the first.
    judge() {
      const wrong = [...made].filter(([name, one]) => !hidden(name) && !one.judge());
      wrong[0]?.[1].control.focus();
      return wrong.length;
    },
  };
}

function filled(address) {
  return Object.fromEntries(Object.entries(address ?? {}).filter(([, value]) => value));
}

function draft() {
  try {
    return JSON.parse(sessionStorage.getItem(draftKey)) ?? {};
  } catch {
    return {};
  }
}
