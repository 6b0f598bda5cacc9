/** Decisions about who serves a family in a scope replace each other. */
export const scopeKey = ({ family, scope }: { readonly family: string; readonly scope: string }): string =>
  `${family}/${scope}`
