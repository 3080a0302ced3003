"""What is asked, word for word what boardlift asks of the sandbox's benchmark board of 30 columns."""

from __future__ import annotations

PAGE = 500
COLUMNS = [
    *("status", "people", "date", "numbers", "text", "long_text", "dropdown", "timeline", "link", "email", "checkbox"),
    *("board_relation_mk12", "color_mkaf0c", "numeric_mk2189", "text_mkd3a", "date_mka5c7", "multiple_perso_mk9dfd"),
    *("phone", "rating", "tags", "dropdown_mk7200", "numbers2", "text2", "country", "week", "hour", "file"),
    *("long_text_mkf5e", "vote", "color_picker"),
]
COST = "complexity{query before after reset_in_x_seconds}"
ITEM = (
    "id name created_at updated_at creator_id state url group{id} column_values(ids:$columns){id text "
    "...on StatusValue{index label} ...on PeopleValue{value} ...on DateValue{value} ...on DropdownValue{value} "
    "...on TimelineValue{from to} ...on LinkValue{url url_text} ...on EmailValue{email label} "
    "...on CheckboxValue{checked} ...on BoardRelationValue{linked_item_ids display_value} "
    "...on PhoneValue{phone country_short_name} ...on RatingValue{rating} ...on TagsValue{tag_ids} "
    "...on CountryValue{value} ...on WeekValue{start_date end_date} ...on HourValue{hour minute} "
    "...on FileValue{value} ...on VoteValue{vote_count voter_ids} ...on ColorPickerValue{value}}"
)
BOARD = "query{boards(limit:1){id groups{id title}}}"
FIRST = (
    f"query FirstItems($board:[ID!]!,$limit:Int!,$columns:[String!]!){{{COST} "
    f"boards(ids:$board,limit:1,state:all){{id items_page(limit:$limit){{cursor items{{{ITEM}}}}}}}}}"
)
NEXT = (
    f"query NextItems($cursor:String!,$limit:Int!,$columns:[String!]!){{{COST} "
    f"next_items_page(cursor:$cursor,limit:$limit){{cursor items{{{ITEM}}}}}}}"
)
