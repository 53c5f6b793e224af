# SPDX-License-Identifier: BSD-3-Clause
#
# Completion for fish. "make install" puts it where fish looks.

# __scpatch_is COMMAND...: the first argument is one of these; patch is none of them.
function __scpatch_is
    set -l words (commandline -opc)
    set -l command patch
    if set -q words[2]; and contains -- $words[2] list verify compare explain compile
        set command $words[2]
    end
    contains -- $command $argv
end

# __scpatch_list FORM...: what may end a list with commas.
function __scpatch_list
    set -l done (commandline -ct | string replace -r '^--[a-z-]+=' '' | string match -r '^.*,')
    for form in $argv
        if not string match -q "*,$form,*" -- ",$done"
            echo "$done$form"
        end
    end
end

# __scpatch_files ENDING: directories, and files whose names end so, but none as the value
# of an option, where fish 4 would offer them.
function __scpatch_files
    string match -q -- '--*=*' (commandline -ct); and return
    __fish_complete_path (commandline -ct) | string replace -rf "^(.*(?:$argv|/))(?:\t.*)?\$" '$1'
end

set -l files '__scpatch_is patch list verify compare'
set -l places '__scpatch_is patch list verify compare compile'
set -l plans '__scpatch_is patch list compare compile'

complete -c scpatch -f
complete -c scpatch -n __fish_is_first_token -a list -d 'Show every site'
complete -c scpatch -n __fish_is_first_token -a verify -d 'Check every site'
complete -c scpatch -n __fish_is_first_token -a compare -d 'Compare two listings'
complete -c scpatch -n __fish_is_first_token -a explain -d 'Explain forms, reasons and errors'
complete -c scpatch -n __fish_is_first_token -a compile -d 'Compile, and patch the objects'
complete -c scpatch -n $files -a '(__scpatch_files "\.k?o|\.a|vmlinux")'
complete -c scpatch -n '__scpatch_is compile; and contains -- -- (commandline -opc)' -F
complete -c scpatch -n '__scpatch_is compare' -a '(__scpatch_files "\.json")'
complete -c scpatch -n '__scpatch_is explain' -a 'forms reasons errors' -d 'List these'
complete -c scpatch -n '__scpatch_is explain' -a "(scpatch explain 2>/dev/null | string replace -r '  +' \\t)"

complete -c scpatch -s h -l help -d 'Print a summary'
complete -c scpatch -s V -l version -d 'Print the version'
complete -c scpatch -l color -d Colours
complete -c scpatch -n 'string match -q -- "--color=*" (commandline -ct)' -a '--color={auto,always,never}'

complete -c scpatch -n $places -l runtime -x -a 'inline trampoline none' -d 'What changes keys'
complete -c scpatch -n $places -l module -d 'Code of a kernel module'
complete -c scpatch -n $places -l user -d 'Code of user space'
complete -c scpatch -n $places -l entry-size -x -a '8 16' -d 'Bytes of an entry of the table'
complete -c scpatch -n $places -l kernel-format -x -a '1' -d 'Format that the kernel shares with scpatch'
complete -c scpatch -n $places -s v -l verbose -d 'Say what is done with every site'
complete -c scpatch -n $places -s q -l quiet -d 'Print only errors'
complete -c scpatch -n $places -l log-format -x -a 'text json github' -d 'Form of the messages'
complete -c scpatch -n $places -l paca-toc -x -d "Offset of the kernel's TOC pointer"

complete -c scpatch -n $plans -l linker -x -a 'bfd lld any other' -d 'The linker of the final link'
complete -c scpatch -n $plans -l whole-program -d 'Nothing outside refers to its symbols'
complete -c scpatch -n $plans -l table-only -d 'Write only the table'
complete -c scpatch -n $plans -l no-record -d 'Leave out the record of decisions'
complete -c scpatch -n $plans -l restore -x -a '(__scpatch_list stack paca save-stub linker shadow)' -d 'Forms that restore r2'
complete -c scpatch -n $plans -l require -x -a '(__scpatch_list constant direct stack paca save-stub linker shadow keep)' -d 'Forms that sites may get'
complete -c scpatch -n $plans -l allow-shadow -d 'Allow the form shadow'
complete -c scpatch -n $plans -l shadow-stack -x -d 'Pointer to the shadow stack'
complete -c scpatch -n '__scpatch_is patch list compile' -s d -l diff -d 'Print sites before and after'

complete -c scpatch -n '__scpatch_is patch list verify' -s r -l recursive -d 'Take what is below directories'
complete -c scpatch -n '__scpatch_is patch' -s o -l output -r -F -d 'Write to this file'
complete -c scpatch -n '__scpatch_is patch' -s n -l dry-run -d 'Change nothing'
complete -c scpatch -n '__scpatch_is patch' -l allow-kept -d 'Exit with 0 if sites stay'
complete -c scpatch -n '__scpatch_is patch' -l strip-signature -d 'Drop the signature'
complete -c scpatch -n '__scpatch_is list verify compare' -l json -d 'One JSON object for each file'
complete -c scpatch -n '__scpatch_is list verify' -l sarif -d 'One log for code scanning pages'
complete -c scpatch -n '__scpatch_is verify' -l allow-unpatched -d 'Accept unpatched calls'
complete -c scpatch -n '__scpatch_is list compare' -l html -r -F -d 'Write a page of all sites'
complete -c scpatch -n '__scpatch_is list' -l form -x -a '(__scpatch_list constant direct stack paca save-stub linker shadow keep)' -d 'Only sites with these forms'
complete -c scpatch -n '__scpatch_is list' -l reason -x -a "(__scpatch_list (scpatch explain reasons 2>/dev/null | string replace -r ' .*' ''))" -d 'Only sites with these reasons'
complete -c scpatch -n '__scpatch_is list' -l key -x -d 'Only sites of such keys'
complete -c scpatch -n '__scpatch_is list' -l function -x -d 'Only sites in such functions'
complete -c scpatch -n '__scpatch_is list' -l sort -x -a 'section function key target form cost reason' -d 'Sort by this column'
complete -c scpatch -n '__scpatch_is compare' -l strict -d 'Gone sites count as lost'
