/** The known word with the fewest letters to change, the first of several; undefined where no word is known. */
export function closest(
  word: string,
  known: readonly string[],
  lettersOf = (one: string): string => one,
): { readonly word: string; readonly distance: number } | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined
  for (const one of known) {
    const distance = editDistance(lettersOf(word), lettersOf(one))
    if (best === undefined || distance < best.distance) best = { word: one, distance }
  }
  return best
}

/** Levenshtein distance: the fewest insertions, deletions and replacements. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}
