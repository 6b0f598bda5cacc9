/** Where memories live. `take` gives at least so many doubles, holding anything; `give` takes them back. */
export interface Arena {
  take(doubles: number): Float64Array
  give(nums: Float64Array): void
}

/** For memories that are soon forgotten: copies that late events fold into, and what is only described. */
export const heap: Arena = { take: (doubles) => new Float64Array(doubles), give: () => undefined }

/** A first page of 16 KiB, so that a state opened for one request costs little; later ones double up to 1 MiB. */
const firstPage = 2_048
const largestPage = 131_072

/**
 * Memories cut from large pages. An array of its own costs an entity about 300 bytes and 1 us to make, and the
 * collector work for ever; a view of a page is a tenth of that, and those given back are used again as they are. Sizes
 * are rounded up to one of four an octave, so at most a fifth is lost and what one entity outgrows fits the next.
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

/** The smallest of 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... that is enough. */
function sizeOf(doubles: number): { readonly doubles: number; readonly index: number } {
  const wanted = Math.max(4, doubles)
  const shift = 29 - Math.clz32(wanted - 1)
  const quarters = shift < 0 ? wanted : ((wanted - 1) >> shift) + 1
  return { doubles: shift < 0 ? wanted : quarters << shift, index: Math.max(0, shift) * 4 + quarters }
}
