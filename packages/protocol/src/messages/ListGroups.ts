import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, string, struct, type Value } from "../codec/Declare.ts"

export const ListGroupsRequest = struct("ListGroupsRequest", {
  statesFilter: field(array(string), "4+"),
  typesFilter: field(array(string), "5+")
})
export interface ListGroupsRequest extends Value<typeof ListGroupsRequest> {}

export const ListedGroup = struct("ListedGroup", {
  groupId: field(string),
  protocolType: field(string),
  groupState: field(string, "4+", { ignorable: true }),
  groupType: field(string, "5+", { ignorable: true })
})
export interface ListedGroup extends Value<typeof ListedGroup> {}

export const ListGroupsResponse = struct("ListGroupsResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16),
  groups: field(array(ListedGroup))
})
export interface ListGroupsResponse extends Value<typeof ListGroupsResponse> {}

/**
 * All groups that a broker coordinates.
 *
 * Version 3 is flexible, 4 filters by state (KIP-518), 5 by type (KIP-848).
 */
export const ListGroups: Api<ListGroupsRequest, ListGroupsResponse> = api({
  name: "ListGroups",
  key: 16,
  versions: "0-5",
  flexible: "3+",
  advertised: [0, 5],
  request: ListGroupsRequest,
  response: ListGroupsResponse
})
