-- Greenhouse has a row for each stage of the plan, also for those that were never entered.
select history.*
from {{ ref('greenhouse_v3', 'greenhouse__application_history') }} as history
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__application_stages') }} as visits
    on visits.source_relation = history.source_relation and visits.id = history.application_stage_id
where visits.entered_at is null or history.valid_from is null or history.valid_from <> visits.entered_at
