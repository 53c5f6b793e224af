// SPDX-License-Identifier: BSD-3-Clause

package sites

// A userPart is a section static_call_sites that a plan adds.
type userPart struct {
	code    int   // the section of code that refers to it, 0 for that of the new stubs
	entries []int // numbers of added entries
}

// userParts divides the added entries by the section of code that they belong to.
func (p *Plan) userParts() (parts []userPart) {
	if !p.env.userTable {
		return nil
	}
	number := map[int]int{}
	for i := range p.NumAdded() {
		e := p.added(i)
		code := int(e.Section)
		if e.OfStub {
			code = 0
			if sym := p.Object.stubSymbol(int(e.Key), e.Stub); sym != 0 {
				code = p.Object.File.SymbolSection(sym)
			}
		}
		k, ok := number[code]
		if !ok {
			k = len(parts)
			number[code] = k
			parts = append(parts, userPart{code: code})
		}
		parts[k].entries = append(parts[k].entries, i)
	}
	return parts
}

// marksTable reports whether the plan adds a mark that there is a table. The mark is
// tied to the section of the new stubs.
func (p *Plan) marksTable(parts []userPart) bool { return len(parts) > 0 && len(p.Stubs) > 0 }
