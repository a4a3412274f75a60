"use strict"

// What something worth so many euros costs in a currency: an amount of a size that people there know.

// Where one of it is worth about a euro, the number stays; elsewhere nobody writes hundredths, and the yen has none.
const worth = { czk: 25, dkk: 7.5, jpy: 160, nok: 11, pln: 4, sek: 11 }

function priceIn(currency, euros) {
  return worth[currency] ? Math.round(euros * worth[currency]) : euros
}

module.exports = { priceIn }
