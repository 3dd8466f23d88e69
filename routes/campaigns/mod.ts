/** The routes of campaigns. */
export { getCampaign, listCampaigns, removeCampaign, resumeCampaign, submitCampaign } from "./campaigns.ts";
export { campaignEvents } from "./events.ts";
export { campaignResults } from "./results.ts";
