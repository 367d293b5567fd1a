-- Offers have versions. A superseded one is never current, and the current one is the highest.
select source_relation, application_id
from {{ ref('greenhouse_v3', 'greenhouse__offer_enhanced') }}
group by source_relation, application_id
having
    sum(case when is_current then 1 else 0 end)
    <> max(case when coalesce(status, '') <> 'Deprecated' then 1 else 0 end)
    or max(case when is_current and status = 'Deprecated' then 1 else 0 end) = 1
