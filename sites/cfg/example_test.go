// SPDX-License-Identifier: BSD-3-Clause

package cfg_test

import (
	"fmt"
	"log"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/cfg"
)

// A call may be followed by ld r2,24(r1) only if the function has saved its own
// r2 there on every path to the call.
func ExampleMap_Prove() {
	f, err := elfrw.Open("../../testdata/obj/asm-annot16.o")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	text, _ := f.SectionByName(".text")
	m, err := cfg.Read(f, []int{text.Index})
	if err != nil {
		log.Fatal(err)
	}
	calls := []uint64{0xd4, 0xdc}
	for i, v := range m.Prove(text.Index, calls) {
		fmt.Printf("0x%x: %v %s\n", calls[i], v.Proven, v.Reason)
	}
	// The first call goes to one of our stubs, which saves r2.
	m.Saves(text.Index, 0xd4)
	v := m.Prove(text.Index, calls)[1]
	fmt.Printf("0x%x: %v, saved at 0x%x\n", calls[1], v.Proven, v.At)
	// Output:
	// 0xd4: false no save of r2
	// 0xdc: false no save of r2
	// 0xdc: true, saved at 0xd4
}
