{{ greenhouse_v3.stage('demographic_questions') }}
