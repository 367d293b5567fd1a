select
    answers.source_relation,
    answers.application_id,
    questions.name as dimension,
    coalesce(nullif(options.name, ''), '(unknown)') as answer
from {{ ref('greenhouse_v3', 'stg_greenhouse__demographic_answers') }} as answers
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__demographic_questions') }} as questions
    on questions.source_relation = answers.source_relation and questions.id = answers.demographic_question_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__demographic_answer_options') }} as options
    on options.source_relation = answers.source_relation and options.id = answers.demographic_answer_option_id
where questions.name <> ''
