/** Allocates memories. `take` returns an array of at least `doubles` elements, not cleared; `give` returns an array. */
export interface Arena {
  take(doubles: number): Float64Array
  give(nums: Float64Array): void
}

/** For short-lived memories: the copies into which late events are folded, and those of `describe`. */
export const heap: Arena = { take: (doubles) => new Float64Array(doubles), give: () => undefined }

/** The first page has 16 KiB, so that a state opened for one request costs little. Later pages double up to 1 MiB. */
const firstPage = 2_048
const largestPage = 131_072

/**
 * Cuts memories from large pages. A separate array per entity costs about 300 bytes, 1 us to create, and permanent work
 * for the garbage collector. A view of a page costs a tenth of that, and returned views are reused. Sizes are rounded
 * up to one of four per octave. So at most a fifth is wasted, and a view that one entity outgrows fits another entity.
 */
export function pagedArena(): Arena {
  const free: Float64Array[][] = []
  let page = new Float64Array(0)
  let used = 0
  return {
    take: (doubles) => {
      const size = sizeOf(doubles)
      const again = free[size.index]?.pop()
      if (again !== undefined) return again
      if (used + size.doubles > page.length) {
        page = new Float64Array(Math.max(size.doubles, Math.min(largestPage, Math.max(firstPage, page.length * 2))))
        used = 0
      }
      used += size.doubles
      return page.subarray(used - size.doubles, used)
    },
    give: (nums) => void (free[sizeOf(nums.length).index] ??= []).push(nums),
  }
}

/** The smallest sufficient size of 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... */
function sizeOf(doubles: number): { readonly doubles: number; readonly index: number } {
  const wanted = Math.max(4, doubles)
  const shift = 29 - Math.clz32(wanted - 1)
  const quarters = shift < 0 ? wanted : ((wanted - 1) >> shift) + 1
  return { doubles: shift < 0 ? wanted : quarters << shift, index: Math.max(0, shift) * 4 + quarters }
}
