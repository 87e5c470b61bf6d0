import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, string, struct, type Value } from "../codec/Declare.ts"

export const DeleteGroupsRequest = struct("DeleteGroupsRequest", {
  groupsNames: field(array(string))
})
export interface DeleteGroupsRequest extends Value<typeof DeleteGroupsRequest> {}

export const DeletableGroupResult = struct("DeletableGroupResult", {
  groupId: field(string),
  errorCode: field(int16)
})
export interface DeletableGroupResult extends Value<typeof DeletableGroupResult> {}

export const DeleteGroupsResponse = struct("DeleteGroupsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(DeletableGroupResult))
})
export interface DeleteGroupsResponse extends Value<typeof DeleteGroupsResponse> {}

/**
 * Deletes empty groups (KIP-229).
 *
 * Version 2 is flexible.
 */
export const DeleteGroups: Api<DeleteGroupsRequest, DeleteGroupsResponse> = api({
  name: "DeleteGroups",
  key: 42,
  versions: "0-2",
  flexible: "2+",
  advertised: [0, 2],
  request: DeleteGroupsRequest,
  response: DeleteGroupsResponse
})
