package engine

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
)

// CheckChange refuses options that a store can't take over once it stands. from are those that it stands with, to those that
// are wanted, resolved both. The error is a *FieldError.
func (p Pack) CheckChange(from, to map[string]any) error {
	for _, option := range p.Options {
		if option.Change == ChangeLive || option.Change == ChangeRestart {
			continue
		}
		if !reflect.DeepEqual(option.standing(from), option.standing(to)) {
			return fieldErrorf("options."+option.Name, "is chosen when a store is made and can't be changed afterwards")
		}
	}
	return nil
}

// standing is the option's value in the type that check gives it: what comes from the log has other ones.
func (o Option) standing(options map[string]any) any {
	value := options[o.Name]
	if value == nil {
		value = o.Default
	}
	if canonical, message := o.check(value); message == "" {
		return canonical
	}
	return value
}

// CheckPlanChange refuses a plan that a store of the plan from can't get: one with less storage. The empty name is the
// default plan's. The error is a *FieldError.
func (p Pack) CheckPlanChange(from, to string) error {
	stands, err := p.Plan(from)
	if err != nil {
		return err
	}
	wanted, err := p.Plan(to)
	if err != nil {
		return err
	}
	before, err := quantity(stands.Storage)
	if err != nil {
		return fmt.Errorf("read the storage of plan %s: %w", stands.Name, err)
	}
	after, err := quantity(wanted.Storage)
	if err != nil {
		return fmt.Errorf("read the storage of plan %s: %w", wanted.Name, err)
	}
	if after.Cmp(before) < 0 {
		return fieldErrorf("plan", "has less storage (%s) than the store's plan %s (%s), and volumes never shrink",
			wanted.Storage, stands.Name, stands.Storage)
	}
	return nil
}

// GiB is the plan's storage in units of 2^30 bytes.
func (p Plan) GiB() (float64, error) {
	size, err := quantity(p.Storage)
	if err != nil {
		return 0, fmt.Errorf("read the storage of plan %s: %w", p.Name, err)
	}
	gib, _ := size.Quo(size, new(big.Rat).SetInt64(1<<30)).Float64()
	return gib, nil
}

// units are the suffixes of quantityGrammar.
var units = map[string]*big.Rat{
	"": big.NewRat(1, 1), "m": big.NewRat(1, 1000), "k": big.NewRat(1e3, 1), "M": big.NewRat(1e6, 1), "G": big.NewRat(1e9, 1),
	"T": big.NewRat(1e12, 1), "Ki": big.NewRat(1<<10, 1), "Mi": big.NewRat(1<<20, 1), "Gi": big.NewRat(1<<30, 1), "Ti": big.NewRat(1<<40, 1),
}

// quantity reads what quantityGrammar lets through, exactly.
func quantity(text string) (*big.Rat, error) {
	number := strings.TrimRight(text, "mkKMGTi")
	value, ok := new(big.Rat).SetString(number)
	unit, known := units[text[len(number):]]
	if !ok || !known {
		return nil, fieldErrorf("storage", "%q is not a quantity", text)
	}
	return value.Mul(value, unit), nil
}
