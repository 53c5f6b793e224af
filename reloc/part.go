// SPDX-License-Identifier: BSD-3-Clause

package reloc

// Part selects the part of a value that goes into a field: the # operators of
// ELFv2 §3.5.2. A part whose name ends in a is adjusted: it compensates for the
// sign of the lower part that a later instruction adds.
type Part uint8

const (
	Whole      Part = iota // the value
	Lo                     // #lo: bits 0..15 from the right
	Hi                     // #hi, #high: bits 16..31
	Ha                     // #ha, #higha
	Higher                 // #higher: bits 32..47
	Highera                // #highera
	Highest                // #highest: bits 48..63
	Highesta               // #highesta
	Lo34                   // #lo34: bits 0..33
	Hi30                   // #hi30: bits 34..63
	Ha30                   // #ha30
	Higher34               // #higher34: bits 34..49
	Highera34              // #highera34
	Highest34              // #highest34: bits 50..63
	Highesta34             // #highesta34
)

// parts gives each part as (value + round) >> shift.
var parts = [...]struct {
	shift uint
	round int64
}{
	Whole:      {0, 0},
	Lo:         {0, 0},
	Hi:         {16, 0},
	Ha:         {16, 1 << 15},
	Higher:     {32, 0},
	Highera:    {32, 1 << 15},
	Highest:    {48, 0},
	Highesta:   {48, 1 << 15},
	Lo34:       {0, 0},
	Hi30:       {34, 0},
	Ha30:       {34, 1 << 33},
	Higher34:   {34, 0},
	Highera34:  {34, 1 << 33},
	Highest34:  {50, 0},
	Highesta34: {50, 1 << 33},
}

// number returns the part p of value as a signed number, for the range check.
func (p Part) number(value int64) int64 { return (value + parts[p].round) >> parts[p].shift }

// bits returns the part p of value as the bits for the field: #hi30, #highest34
// and the like have zeros above their own bits.
func (p Part) bits(value int64) uint64 {
	return uint64(value+parts[p].round) >> parts[p].shift
}

// bounds returns the smallest and the largest value whose part p lies in
// min..max.
func (p Part) bounds(min, max int64) (int64, int64) {
	shift, round := parts[p].shift, parts[p].round
	return min<<shift - round, (max+1)<<shift - round - 1
}
