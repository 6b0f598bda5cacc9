/** Decisions about the model that serves a family in a scope replace each other. */
export const scopeKey = ({ family, scope }: { readonly family: string; readonly scope: string }): string =>
  `${family}/${scope}`
