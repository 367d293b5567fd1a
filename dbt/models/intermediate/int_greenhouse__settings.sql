-- The settings of the last run, for whoever reads the marts.
select
    {{ greenhouse_v3.as_of() }} as as_of,
    {{ greenhouse_v3.today() }} as today,
    cast('{{ var('greenhouse_timezone', 'UTC') }}' as {{ dbt.type_string() }}) as timezone,
    {{ var('greenhouse_min_group_size') }} as min_group_size,
    {{ var('greenhouse_scorecard_due_hours') }} as scorecard_due_hours,
    {{ var('greenhouse_idle_days') }} as idle_days,
    {{ var('greenhouse_stuck_days') }} as stuck_days
