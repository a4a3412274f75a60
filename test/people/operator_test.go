package people_test

import "testing"

// An operator, and all that the page has for them. Each has the stores and tenants of those before it.
func TestAnOperatorIsAtThePage(t *testing.T) {
	t.Parallel()
	in := install(t)
	p := in.page("operator")
	in.signUp(boss, "Olga Staying", in.operatorsLink())
	amber, violet := in.tenants()
	p.do("", p.asks(boss, password, "Sign in"), p.Says("#me-name", "Olga Staying"))
	// Here and not in a test of its own: what is shared ends with the test that began it.
	for _, part := range []struct {
		holds string
		do    func(*page)
	}{
		{"the list is filtered and holds still", func(p *page) { p.filtered(amber, violet) }},
		{"dead letters and sweeps are dealt with", func(p *page) { p.deals(violet) }},
		{"who waits after a restore is told for each tenant", func(p *page) { p.restored(amber) }},
		{"all is reached by the keyboard, and little is said aloud", func(p *page) { p.reached(violet) }},
		{"a store says why it is where it is", (*page).explained},
	} {
		t.Run(part.holds, func(t *testing.T) { part.do(p.of(t)) })
	}
}
