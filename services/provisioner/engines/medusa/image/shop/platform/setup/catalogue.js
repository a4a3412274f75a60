"use strict"

// What the sample shop of a new store sells: a dozen things that don't exist. Prices are in euros, tax in them.
module.exports = [
  {
    handle: "harbour-mug",
    title: "Harbour Mug",
    kind: "Kitchen",
    price: 18,
    summary: "A stoneware mug with a handle for three fingers.",
    description:
      "Thrown thick enough to keep coffee warm through a slow morning, thin enough at the rim to be pleasant to drink from. The glaze breaks differently on every piece.",
    details: ["Stoneware, 320 ml", "Dishwasher safe", "9 cm tall"],
    choices: { title: "Glaze", values: ["Blue", "Cream"] },
  },
  {
    handle: "window-lamp",
    title: "Window Lamp",
    kind: "Light",
    price: 74,
    summary: "A small lamp for the sill, with a linen shade.",
    description:
      "Gives as much light as a page needs and no more. The arm tilts, the shade turns, and the cord is long enough for the socket that is never where one wants it.",
    details: ["Powder-coated steel, linen", "E14, LED included", "34 cm tall"],
  },
  {
    handle: "field-notebook",
    title: "Field Notebook",
    kind: "Paper",
    price: 12.5,
    summary: "A hundred and twenty pages that lie flat.",
    description:
      "Sewn, not glued, so it stays open where you left it. Paper that takes a fountain pen, a ribbon to find your place, a band to keep it shut.",
    details: ["A5, 120 pages, 100 g paper", "Ribbon and elastic band"],
    choices: { title: "Paper", values: ["Dotted", "Plain"] },
  },
  {
    handle: "terrace-pot",
    title: "Terrace Pot",
    kind: "Green",
    price: 24,
    summary: "A terracotta pot with its saucer.",
    description:
      "Unglazed, so roots can breathe, and a saucer that fits. It will grow a pale bloom of lime over the years, which is how you know it is real.",
    details: ["Terracotta", "17 cm across", "Plant not included"],
  },
  {
    handle: "linen-tote",
    title: "Linen Tote",
    kind: "Carry",
    price: 29,
    summary: "Holds a week of vegetables or a laptop.",
    description:
      "Heavy washed linen with handles long enough for a shoulder in a winter coat. One inner pocket, for the keys.",
    details: ["Washed linen, 380 g", "40 × 38 cm", "Machine wash at 30°"],
    choices: { title: "Colour", values: ["Sand", "Moss"] },
  },
  {
    handle: "slow-clock",
    title: "Slow Clock",
    kind: "Home",
    price: 56,
    summary: "A wall clock without a ticking hand.",
    description:
      "The movement sweeps instead of ticking, so it can hang in a bedroom. Birch face, two hands, nothing else to look at.",
    details: ["Birch plywood", "26 cm across", "One AA battery"],
  },
  {
    handle: "evening-candle",
    title: "Evening Candle",
    kind: "Home",
    price: 16,
    summary: "Rapeseed wax, fig leaf and cedar.",
    description:
      "Burns for about forty evenings, and the glass makes a good tumbler afterwards.",
    details: ["Rapeseed wax, cotton wick", "About 40 hours", "180 g"],
  },
  {
    handle: "pour-over",
    title: "Pour-over Set",
    kind: "Kitchen",
    price: 42,
    summary: "A glass carafe and a cone, for two cups.",
    description:
      "Borosilicate glass with a collar of oak that doesn't get hot. Takes the paper filters that every shop has.",
    details: ["Borosilicate glass, oak", "500 ml", "Size 02 filters"],
  },
  {
    handle: "desk-tray",
    title: "Desk Tray",
    kind: "Desk",
    price: 33,
    summary: "A place for the pen, the clip and the key.",
    description:
      "Milled from one piece of oak, with a cork base that neither slides nor scratches. Three bays, the middle one as long as a pencil.",
    details: ["Oiled oak, cork", "28 × 11 cm", "Made to be re-oiled"],
  },
  {
    handle: "wool-throw",
    title: "Wool Throw",
    kind: "Home",
    price: 89,
    summary: "Lambswool in two colours that go with each other.",
    description:
      "Woven in a twill that falls softly and brushed once on each side. Large enough for two if they like each other.",
    details: ["100 % lambswool", "130 × 180 cm", "Airing beats washing"],
  },
  {
    handle: "garden-tea",
    title: "Garden Tea",
    kind: "Kitchen",
    price: 9.5,
    summary: "Lemon balm, mint and a little marigold.",
    description:
      "A tin of loose herbs for about thirty pots. Without caffeine, without flavouring, without a story.",
    details: ["Herbs, 70 g", "Tin with an inner lid", "About 30 pots"],
  },
  {
    handle: "kite",
    title: "Pocket Kite",
    kind: "Outside",
    price: 21,
    summary: "Flies in a light wind, folds into its own bag.",
    description:
      "No rods to break and nothing to put together: unfold it, turn your back to the sea, let go. Thirty metres of line on a wooden reel.",
    details: ["Ripstop nylon", "60 × 72 cm", "From wind force 2"],
  },
]
