-- When the newest approved approval of each offer was complete.
with flows as (
    select
        *,
        row_number() over (partition by source_relation, offer_id order by version desc nulls last, id desc) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__approval_flows') }}
    where approval_type = 'offer_candidate' and approval_status = 'approved'
)

select flows.source_relation, flows.offer_id, max(approvers.resolved_at) as approved_at
from flows
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__approver_groups') }} as approvers
    on approvers.source_relation = flows.source_relation and approvers.approval_flow_id = flows.id
where {{ greenhouse_v3.is_first('flows.place') }}
group by flows.source_relation, flows.offer_id
