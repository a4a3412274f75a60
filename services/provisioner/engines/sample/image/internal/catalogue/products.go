package catalogue

// products in the order of the shop window.
var products = []Product{
	{
		SKU: "harbour-mug", Name: "Harbour Mug", Kind: "Kitchen", Price: 1800,
		Summary:     "A stoneware mug with a handle for three fingers.",
		Description: "Thrown thick enough to keep coffee warm through a slow morning, thin enough at the rim to be pleasant to drink from. The glaze breaks differently on every piece.",
		Details:     []string{"Stoneware, 320 ml", "Dishwasher safe", "9 cm tall"},
	},
	{
		SKU: "window-lamp", Name: "Window Lamp", Kind: "Light", Price: 7400,
		Summary:     "A small lamp for the sill, with a linen shade.",
		Description: "Gives as much light as a page needs and no more. The arm tilts, the shade turns, and the cord is long enough for the socket that is never where one wants it.",
		Details:     []string{"Powder-coated steel, linen", "E14, LED included", "34 cm tall"},
	},
	{
		SKU: "field-notebook", Name: "Field Notebook", Kind: "Paper", Price: 1250,
		Summary:     "A hundred and twenty pages that lie flat.",
		Description: "Sewn, not glued, so it stays open where you left it. Dotted paper that takes a fountain pen, a ribbon to find your place, a band to keep it shut.",
		Details:     []string{"A5, 120 pages, 100 g paper", "Dotted 5 mm", "Ribbon and elastic band"},
	},
	{
		SKU: "terrace-pot", Name: "Terrace Pot", Kind: "Green", Price: 2400,
		Summary:     "A terracotta pot with its saucer.",
		Description: "Unglazed, so roots can breathe, and a saucer that fits. It will grow a pale bloom of lime over the years, which is how you know it is real.",
		Details:     []string{"Terracotta", "17 cm across", "Plant not included"},
	},
	{
		SKU: "linen-tote", Name: "Linen Tote", Kind: "Carry", Price: 2900,
		Summary:     "Holds a week of vegetables or a laptop.",
		Description: "Heavy washed linen with handles long enough for a shoulder in a winter coat. One inner pocket, for the keys.",
		Details:     []string{"Washed linen, 380 g", "40 × 38 cm", "Machine wash at 30°"},
	},
	{
		SKU: "slow-clock", Name: "Slow Clock", Kind: "Home", Price: 5600,
		Summary:     "A wall clock without a ticking hand.",
		Description: "The movement sweeps instead of ticking, so it can hang in a bedroom. Birch face, two hands, nothing else to look at.",
		Details:     []string{"Birch plywood", "26 cm across", "One AA battery"},
	},
	{
		SKU: "evening-candle", Name: "Evening Candle", Kind: "Home", Price: 1600,
		Summary:     "Rapeseed wax, fig leaf and cedar.",
		Description: "Burns for about forty evenings, and the glass makes a good tumbler afterwards.",
		Details:     []string{"Rapeseed wax, cotton wick", "About 40 hours", "180 g"},
	},
	{
		SKU: "pour-over", Name: "Pour-over Set", Kind: "Kitchen", Price: 4200,
		Summary:     "A glass carafe and a cone, for two cups.",
		Description: "Borosilicate glass with a collar of oak that doesn't get hot. Takes the paper filters that every shop has.",
		Details:     []string{"Borosilicate glass, oak", "500 ml", "Size 02 filters"},
	},
	{
		SKU: "desk-tray", Name: "Desk Tray", Kind: "Desk", Price: 3300,
		Summary:     "A place for the pen, the clip and the key.",
		Description: "Milled from one piece of oak, with a cork base that neither slides nor scratches. Three bays, the middle one as long as a pencil.",
		Details:     []string{"Oiled oak, cork", "28 × 11 cm", "Made to be re-oiled"},
	},
	{
		SKU: "wool-throw", Name: "Wool Throw", Kind: "Home", Price: 8900,
		Summary:     "Lambswool in two colours that go with each other.",
		Description: "Woven in a twill that falls softly and brushed once on each side. Large enough for two if they like each other.",
		Details:     []string{"100 % lambswool", "130 × 180 cm", "Airing beats washing"},
	},
	{
		SKU: "garden-tea", Name: "Garden Tea", Kind: "Kitchen", Price: 950,
		Summary:     "Lemon balm, mint and a little marigold.",
		Description: "A tin of loose herbs for about thirty pots. Without caffeine, without flavouring, without a story.",
		Details:     []string{"Herbs, 70 g", "Tin with an inner lid", "About 30 pots"},
	},
	{
		SKU: "kite", Name: "Pocket Kite", Kind: "Outside", Price: 2100,
		Summary:     "Flies in a light wind, folds into its own bag.",
		Description: "No rods to break and nothing to put together: unfold it, turn your back to the sea, let go. Thirty metres of line on a wooden reel.",
		Details:     []string{"Ripstop nylon", "60 × 72 cm", "From wind force 2"},
	},
}
