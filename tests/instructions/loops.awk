# From `objdump -d --no-show-raw-insn` of an object file for x86-64: one line for each innermost loop
# that holds fused multiply-adds of 512-bit registers: the function, how many it holds, how many
# operands in memory it has on the stack, and the address of its first instruction.
#
# An innermost loop is a jump backwards and what lies between, if no other jump backwards does. One
# that divides is no product's: the jump leads from activations back to the next tile.

function finish(    j, k, t, line, fmas, stack, divisions, inner) {
    for (j = 1; j <= count; j++) {
        t = backward(j)
        if (!t) continue
        inner = 1
        for (k = t; k < j && inner; k++) inner = backward(k) < t
        if (!inner) continue
        fmas = stack = divisions = 0
        for (k = t; k <= j; k++) {
            line = text[k]
            if (line ~ /^vfn?m(add|sub)[123]+ps .*%zmm/) fmas++
            if (line ~ /^vdivps /) divisions++
            if (line ~ /\(%rsp[,)]/ || (frame && line ~ /\(%rbp[,)]/)) stack++
        }
        if (fmas && !divisions) print name, fmas, stack, address[t]
    }
}
# The index of the instruction that the j-th one jumps back to, or 0.
function backward(j) {
    return target[j] in place && place[target[j]] <= j ? place[target[j]] : 0
}

/^[0-9a-f]+ <.*>:$/ {
    finish()
    name = $2
    gsub(/[<>:]/, "", name)
    count = frame = 0
    split("", place)
    split("", target)
    next
}
/^ *[0-9a-f]+:\t/ {
    count++
    address[count] = $1
    sub(/:$/, "", address[count])
    place[address[count]] = count
    text[count] = $0
    sub(/^[^\t]*\t/, "", text[count])
    if (text[count] ~ /^(notrack )?j/) target[count] = $3
    if (text[count] ~ /^mov +%rsp,%rbp/) frame = 1 # else a register like any other
}
END { finish() }
