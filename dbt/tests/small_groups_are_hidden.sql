-- A single hidden group among others could be subtracted from the whole.
select source_relation, dimension, cohort_year
from {{ ref('greenhouse_v3', 'greenhouse__diversity_funnel') }}
group by source_relation, dimension, cohort_year
having min(count_applications) < {{ var('greenhouse_min_group_size') }}
    or (sum(case when is_suppressed then 1 else 0 end) = 1 and count(*) > 1)
    or max(case when is_suppressed then count_applications end) is not null
