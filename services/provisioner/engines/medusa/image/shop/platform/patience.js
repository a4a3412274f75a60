"use strict"

// Shorter than every probe's patience. A database that is gone leaves a connection hanging instead of refusing it.
const patience = 1500

// inTime is the promise, or a refusal when it takes too long. What it waited for goes on.
function inTime(promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), patience)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

module.exports = { inTime }
