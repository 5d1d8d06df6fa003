/** The station's codes for what it does not give, in a few words for a viewer. */
const words: Record<string, string> = {
  account_disabled: "This account is switched off",
  channel_not_allowed: "Not in your package",
  kind_not_allowed: "Not offered on this channel",
  no_programme: "Nothing is on",
  no_subscription: "No active subscription",
  not_archived: "Was not recorded",
  not_complete: "Ready in a moment",
  not_eligible: "Not licensed for watching again",
  not_on_air: "Not on air",
  role_not_allowed: "Not for this account",
  window_expired: "No longer available",
  window_future: "Not on air yet",
};

export const whyNot = (code: string | null | undefined): string => (code && words[code]) || "Not available";
