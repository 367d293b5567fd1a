{{ greenhouse_v3.stage('demographic_answer_options') }}
